//! From an author's type to the exports of a component.

use crate::{Amended, Cluster, Description, Facts, Mutate, Policy, Setting, Settings, Validate, Violation};

/// Makes a component of a policy: `export_policy!(MyPolicy: validator)`, `: mutator` or `: policy` (both).
///
/// The type implements [`Policy`], and [`Validate`], [`Mutate`] or both. Outside of WebAssembly this only checks that it does.
/// A crate that other policies use as a library puts it behind a feature, since a component has each export once:
/// `#[cfg(feature = "component")]`.
#[macro_export]
macro_rules! export_policy {
    ($policy:ty : validator) => {
        $crate::export_policy!(@export $policy, VALIDATOR, [validating]);
    };
    ($policy:ty : mutator) => {
        $crate::export_policy!(@export $policy, MUTATOR, [mutating]);
    };
    ($policy:ty : policy) => {
        $crate::export_policy!(@export $policy, POLICY, [validating mutating]);
    };
    (@export $policy:ty, $world:ident, [$($interface:ident)*]) => {
        const _: () = {
            struct Exported;

            $crate::export_policy!(@metadata $policy);
            $($crate::export_policy!(@$interface $policy);)*

            // The name must start with `component-type` for wit-component to find it, and be unique for the linker not to join it.
            #[cfg(target_arch = "wasm32")]
            #[unsafe(link_section = "component-type:kaphost-policy")]
            #[used]
            static WORLD: [u8; $crate::bindings::world::$world.len()] = $crate::bindings::world::$world;
        };
    };
    (@metadata $policy:ty) => {
        impl $crate::bindings::metadata::Guest for Exported {
            fn describe() -> $crate::Description {
                $crate::describe::<$policy>()
            }
        }

        #[cfg(target_arch = "wasm32")]
        $crate::bindings::export_metadata!(Exported with_types_in $crate::bindings::metadata);
    };
    (@validating $policy:ty) => {
        impl $crate::bindings::validating::Guest for Exported {
            fn validate(
                cluster: $crate::Cluster,
                facts: $crate::Facts,
                settings: ::std::vec::Vec<$crate::Setting>,
            ) -> ::std::vec::Vec<$crate::Violation> {
                $crate::validate::<$policy>(&cluster, &facts, settings)
            }
        }

        #[cfg(target_arch = "wasm32")]
        $crate::bindings::export_validating!(Exported with_types_in $crate::bindings::validating);
    };
    (@mutating $policy:ty) => {
        impl $crate::bindings::mutating::Guest for Exported {
            fn mutate(
                cluster: $crate::Cluster,
                facts: $crate::Facts,
                settings: ::std::vec::Vec<$crate::Setting>,
            ) -> ::std::result::Result<$crate::Amended, ::std::vec::Vec<$crate::Violation>> {
                $crate::mutate::<$policy>(cluster, &facts, settings)
            }
        }

        #[cfg(target_arch = "wasm32")]
        $crate::bindings::export_mutating!(Exported with_types_in $crate::bindings::mutating);
    };
}

#[doc(hidden)]
#[must_use]
pub fn describe<P: Policy>() -> Description {
    crate::log::report_panics();
    P::describe()
}

#[doc(hidden)]
#[must_use]
pub fn validate<P: Validate>(cluster: &Cluster, facts: &Facts, settings: Vec<Setting>) -> Vec<Violation> {
    crate::log::report_panics();
    P::validate(cluster, facts, &Settings::from(settings))
}

#[doc(hidden)]
pub fn mutate<P: Mutate>(cluster: Cluster, facts: &Facts, settings: Vec<Setting>) -> Result<Amended, Vec<Violation>> {
    crate::log::report_panics();
    P::mutate(cluster, facts, &Settings::from(settings))
}
