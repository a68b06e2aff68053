//! The generated side of `wit/policy.wit`: record types and their lifting and lowering. Only [`crate::convert`] and [`crate::call`] see it.

wasmtime::component::bindgen!({
    path: "../../../wit",
    world: "policy",
    // A record that comes back as it went needs no reading.
    additional_derives: [PartialEq],
});

pub(crate) use kaphost::policy::logging::Level;
pub(crate) use kaphost::policy::types;
