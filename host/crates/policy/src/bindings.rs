//! The generated side of `wit/policy.wit`: record types and their lifting and lowering. Only [`crate::convert`] and [`crate::call`] see it.

#![expect(clippy::allow_attributes_without_reason, clippy::allow_attributes, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../../../wit",
    world: "policy",
});

pub(crate) use kaphost::policy::logging::Level;
pub(crate) use kaphost::policy::types;
