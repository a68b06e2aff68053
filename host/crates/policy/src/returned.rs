//! What a mutator hands back. Most of it is what the mutator was asked about: that is seen where it lies in the guest's memory, and not read.

#![expect(unsafe_code, reason = "what may be lifted is an unsafe trait of wasmtime's, which asks for the size and form that the type has")]

use std::cell::RefCell;
use std::sync::Arc;

use wasmtime::Result;
use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext, wasmtime_environ};
use wasmtime::component::{ComponentType, Lift};
use wasmtime_environ::component::StringEncoding;

use crate::bindings::types as wit;
use crate::image::{LaidOut as _, Written};

thread_local! {
    /// What the mutator that runs on this thread was asked about. wasmtime reads an answer without knowing anything of the call.
    static ASKED: RefCell<Option<Arc<Written<wit::Cluster>>>> = const { RefCell::new(None) };
}

/// Has answers on this thread compared with a question, for as long as it is there.
pub(crate) struct Asking(());

impl Asking {
    pub(crate) fn about(question: &Arc<Written<wit::Cluster>>) -> Self {
        ASKED.set(Some(Arc::clone(question)));
        Self(())
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        ASKED.take();
    }
}

/// The cluster that a mutator hands back.
pub(crate) enum Returned {
    /// The one that it was asked about.
    Unchanged,
    /// Another one, or the same in another form.
    Other(Box<wit::Cluster>),
}

/// The contract's `amended`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Amended {
    pub(crate) cluster: Returned,
    pub(crate) changes: Vec<wit::Change>,
}

// SAFETY: it is lifted from what the contract's cluster is lowered to, in size, in form and by its type.
unsafe impl ComponentType for Returned {
    type Lower = <wit::Cluster as ComponentType>::Lower;
    const ABI: CanonicalAbiInfo = wit::Cluster::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> Result<()> {
        wit::Cluster::typecheck(ty, types)
    }
}

// SAFETY: it is lifted by the code of the contract's cluster, or not at all.
unsafe impl Lift for Returned {
    fn linear_lift_from_flat(cx: &mut LiftContext<'_>, ty: InterfaceType, src: &Self::Lower) -> Result<Self> {
        wit::Cluster::linear_lift_from_flat(cx, ty, src).map(Box::new).map(Self::Other)
    }

    fn linear_lift_from_memory(cx: &mut LiftContext<'_>, ty: InterfaceType, bytes: &[u8]) -> Result<Self> {
        let memory = cx.memory();
        let at = bytes.as_ptr().addr().wrapping_sub(memory.as_ptr().addr());
        let unchanged = ASKED.with_borrow(|asked| asked.as_ref().is_some_and(|asked| asked.value.is_at(memory, at)));
        if unchanged && cx.options().string_encoding == StringEncoding::Utf8 {
            return Ok(Self::Unchanged);
        }
        wit::Cluster::linear_lift_from_memory(cx, ty, bytes).map(Box::new).map(Self::Other)
    }
}
