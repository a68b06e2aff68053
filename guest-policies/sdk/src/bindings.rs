//! What wit-bindgen makes of `wit/policy.wit`: the only generated code of the SDK.
//!
//! One world, `policy`, brings every type and every interface. Which of them a component exports, and hence its world, is
//! settled by [`export_policy!`](crate::export_policy), so that one policy can be composed of others whatever their worlds.
wit_bindgen::generate!({
    path: "../../wit",
    world: "policy",
    pub_export_macro: true,
    export_macro_name: "export_policy_world",
    additional_derives: [PartialEq, Eq],
});

pub use exports::kaphost::policy::{metadata, mutating, validating};
pub use kaphost::policy::{logging, types};

// The names carry the contract's version: here is the one place to change with it.
pub use metadata::__export_kaphost_policy_metadata_0_1_0_cabi as export_metadata;
pub use mutating::__export_kaphost_policy_mutating_0_1_0_cabi as export_mutating;
pub use validating::__export_kaphost_policy_validating_0_1_0_cabi as export_validating;

/// Each world as `wit-component` wants to find it in a module; see `build.rs`.
#[cfg(target_arch = "wasm32")]
pub mod world {
    macro_rules! world {
        ($name:ident, $file:literal) => {
            pub const $name: [u8; include_bytes!(concat!(env!("OUT_DIR"), "/", $file)).len()] =
                *include_bytes!(concat!(env!("OUT_DIR"), "/", $file));
        };
    }
    world!(VALIDATOR, "validator");
    world!(MUTATOR, "mutator");
    world!(POLICY, "policy");
}
