//! The generated side of `wit/policy.wit`: record types and their lifting and lowering. Only [`crate::convert`] and [`crate::call`] see it.

wasmtime::component::bindgen!({
    path: "../../../wit",
    world: "policy",
});

pub(crate) use kaphost::policy::logging::Level;
pub(crate) use kaphost::policy::types;
