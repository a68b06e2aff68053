//! A value of the contract as a guest's memory holds it, laid out once for every module that is asked about it.
//!
//! The canonical ABI asks a guest for memory once for each text and each list: three dozen calls for a small server, half of what putting it into memory
//! takes. A module that never frees memory cannot tell whether it was asked for once or so often, and its maker may say so (`inspect::PROMISE`). For such a
//! module there is one request, one copy, and an addition for each pointer. Everybody else has wasmtime do it, text by text.
//!
//! Sizes, alignments and the places of payloads are those that wasmtime's derived code knows of each type; only the order of fields and cases is said here
//! again, and its tests hold it to what a guest reads.

#![expect(unsafe_code, reason = "what may be lowered is an unsafe trait of wasmtime's, which asks for the size and form that the type has")]

use std::borrow::Borrow;
use std::mem::MaybeUninit;
use std::sync::OnceLock;

use wasmtime::Result;
use wasmtime::component::__internal::{CanonicalAbiInfo, ComponentVariant, InstanceType, InterfaceType, LowerContext, wasmtime_environ};
use wasmtime::component::{ComponentType, Lower};
use wasmtime_environ::component::StringEncoding;

use crate::bindings::types as wit;

/// What the beginnings of all values are a multiple of: the strictest alignment that the ABI has.
const ALIGN: u32 = 8;

/// A value, and all that it points to.
#[derive(Debug)]
pub(crate) struct Image {
    /// First the value itself, then, from [`Self::head`] on, what it points to.
    bytes: Vec<u8>,
    head: usize,
    /// Where pointers stand. Each counts from the head on.
    pointers: Vec<usize>,
}

impl Image {
    pub(crate) fn of<T: LaidOut + ?Sized>(value: &T) -> Self {
        let head = T::SIZE32.next_multiple_of(ALIGN as usize);
        let mut image = Self { bytes: vec![0; head], head, pointers: Vec::new() };
        value.store(&mut image, 0);
        image
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        copy(&mut self.bytes, at, bytes);
    }

    /// Makes room for so many bytes, and points to them and to how many things they are.
    fn point(&mut self, at: usize, things: usize, bytes: usize, align: u32) -> usize {
        let place = self.bytes.len().next_multiple_of(align as usize);
        self.bytes.resize(place + bytes, 0);
        self.put(at, &word(place - self.head));
        self.put(at + 4, &word(things));
        self.pointers.push(at);
        place
    }

    /// Puts it into a guest's memory, the value itself, which is so long, at `offset`.
    fn place<T>(&self, cx: &mut LowerContext<'_, T>, offset: usize, size: usize) -> Result<()> {
        let (value, rest) = self.bytes.split_at(self.head);
        let base = if rest.is_empty() { 0 } else { cx.realloc(0, 0, ALIGN, rest.len())? };
        let memory = cx.as_slice_mut();
        copy(memory, offset, value.get(..size).unwrap_or(value));
        copy(memory, base, rest);
        for &at in &self.pointers {
            let Some(&relative) = self.bytes.get(at..).and_then(<[u8]>::first_chunk) else { continue };
            let here = if at < self.head { offset + at } else { base + at - self.head };
            copy(memory, here, &word(base + u32::from_le_bytes(relative) as usize));
        }
        Ok(())
    }
}

/// What lies outside is left out. Nothing does: an image makes its own room, and a guest's was measured by wasmtime.
fn copy(to: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = to.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

/// What is more than a guest can address it cannot be asked to hold either: its memory ends before, by its limit.
fn word(value: usize) -> [u8; 4] {
    u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes()
}

/// What can be laid out.
pub(crate) trait LaidOut: ComponentType {
    /// Writes it at this place of the image, where there is room for [`ComponentType::SIZE32`] bytes.
    fn store(&self, image: &mut Image, at: usize);

    /// Whether a guest's memory holds it at this place, in the form in which guests write it. `false` also where it is written in another way, or cannot be
    /// read at all.
    fn is_at(&self, memory: &[u8], at: usize) -> bool;
}

fn holds(memory: &[u8], at: usize, bytes: &[u8]) -> bool {
    memory.get(at..).and_then(|rest| rest.get(..bytes.len())) == Some(bytes)
}

/// Where a list or text of so many things begins, if that is what the memory points to here.
fn pointed(memory: &[u8], at: usize, things: usize, align: u32) -> Option<usize> {
    let word = |at: usize| memory.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes) as usize);
    let place = word(at)?;
    (word(at + 4)? == things && place.is_multiple_of(align as usize)).then_some(place)
}

impl<T: LaidOut + ?Sized> LaidOut for &T {
    fn store(&self, image: &mut Image, at: usize) {
        (**self).store(image, at);
    }

    fn is_at(&self, memory: &[u8], at: usize) -> bool {
        (**self).is_at(memory, at)
    }
}

impl LaidOut for bool {
    fn store(&self, image: &mut Image, at: usize) {
        image.put(at, &[u8::from(*self)]);
    }

    fn is_at(&self, memory: &[u8], at: usize) -> bool {
        holds(memory, at, &[u8::from(*self)])
    }
}

macro_rules! integers {
    ($($type:ty)*) => {$(
        impl LaidOut for $type {
            fn store(&self, image: &mut Image, at: usize) {
                image.put(at, &self.to_le_bytes());
            }

            fn is_at(&self, memory: &[u8], at: usize) -> bool {
                holds(memory, at, &self.to_le_bytes())
            }
        }
    )*};
}

integers! { u8 u16 u32 i64 }

impl LaidOut for String {
    fn store(&self, image: &mut Image, at: usize) {
        let place = image.point(at, self.len(), self.len(), 1);
        image.put(place, self.as_bytes());
    }

    fn is_at(&self, memory: &[u8], at: usize) -> bool {
        pointed(memory, at, self.len(), 1).is_some_and(|place| holds(memory, place, self.as_bytes()))
    }
}

impl<T: LaidOut> LaidOut for [T] {
    fn store(&self, image: &mut Image, at: usize) {
        let place = image.point(at, self.len(), self.len() * T::SIZE32, T::ALIGN32);
        for (n, item) in self.iter().enumerate() {
            item.store(image, place + n * T::SIZE32);
        }
    }

    fn is_at(&self, memory: &[u8], at: usize) -> bool {
        let Some(place) = pointed(memory, at, self.len(), T::ALIGN32) else { return false };
        self.iter().enumerate().all(|(n, item)| item.is_at(memory, place + n * T::SIZE32))
    }
}

impl<T: LaidOut> LaidOut for Vec<T> {
    fn store(&self, image: &mut Image, at: usize) {
        self.as_slice().store(image, at);
    }

    fn is_at(&self, memory: &[u8], at: usize) -> bool {
        self.as_slice().is_at(memory, at)
    }
}

impl<T: LaidOut> LaidOut for Option<T> {
    fn store(&self, image: &mut Image, at: usize) {
        if let Some(value) = self {
            image.put(at, &[1]);
            value.store(image, at + Self::PAYLOAD_OFFSET32);
        }
    }

    fn is_at(&self, memory: &[u8], at: usize) -> bool {
        match self {
            None => holds(memory, at, &[0]),
            Some(value) => holds(memory, at, &[1]) && value.is_at(memory, at + Self::PAYLOAD_OFFSET32),
        }
    }
}

impl<A: LaidOut, B: LaidOut> LaidOut for (A, B) {
    fn store(&self, image: &mut Image, at: usize) {
        let mut at = at;
        self.0.store(image, field::<A>(&mut at));
        self.1.store(image, field::<B>(&mut at));
    }

    fn is_at(&self, memory: &[u8], at: usize) -> bool {
        let mut at = at;
        self.0.is_at(memory, field::<A>(&mut at)) && self.1.is_at(memory, field::<B>(&mut at))
    }
}

/// The place of the next field of a record, the fields before it ending here.
const fn field<T: ComponentType>(end: &mut usize) -> usize {
    let place = end.next_multiple_of(T::ALIGN32 as usize);
    *end = place + T::SIZE32;
    place
}

/// As [`field`], of the type that this one has.
const fn field_of<T: ComponentType>(_: &T, end: &mut usize) -> usize {
    field::<T>(end)
}

/// Fields in the contract's order. One that is left out does not compile.
macro_rules! records {
    ($($type:ident { $($field:ident)* })*) => {$(
        impl LaidOut for wit::$type {
            fn store(&self, image: &mut Image, at: usize) {
                let Self { $($field),* } = self;
                let mut at = at;
                $($field.store(image, field_of($field, &mut at));)*
            }

            fn is_at(&self, memory: &[u8], at: usize) -> bool {
                let Self { $($field),* } = self;
                let mut at = at;
                true $(&& $field.is_at(memory, field_of($field, &mut at)))*
            }
        }
    )*};
}

records! {
    Cluster {
        name region ami instance_type tenancy ebs_optimized spot network ssh http egress metadata root_volume volumes user_data scaling rollout iam tags
        kapacitor
    }
    AmiLookup { owner name }
    Spot { max_price }
    Network { vpc subnets public_ip }
    IngressRule { source description }
    Ssh { port key allow }
    Http { port allow security_group }
    EgressRule { cidr ports description }
    InstanceMetadata { enabled tokens hop_limit }
    VolumeSettings { volume_type size_gib iops throughput_mibps encrypted kms_key delete_on_termination }
    Volume { device settings snapshot }
    UserData { sha256 size text }
    Scaling { termination_policies health_check health_check_grace_period_s wait_for_capacity_timeout_s deletion_protection }
    Rollout { strategy auto_rollback skip_matching warmup_s timeout_s }
    Iam { profile_path managed_policies inline_policies boundary }
    InlinePolicy { name document }
    Tag { key value propagate }
    Kapacitor { hostname influxdb storage owner log_level tls extra_config }
    Storage { device mount_point }
    Tls { certificate key }
    Facts { account ami subnets vpc }
    AmiFacts { id owner name created architecture root_device }
    SubnetFacts { id zone cidr auto_public_ip }
    VpcFacts { id cidrs is_default }
    Setting { name value }
}

macro_rules! enumerations {
    ($($type:ident)*) => {$(
        impl LaidOut for wit::$type {
            fn store(&self, image: &mut Image, at: usize) {
                image.put(at, &[*self as u8]);
            }

            fn is_at(&self, memory: &[u8], at: usize) -> bool {
                holds(memory, at, &[*self as u8])
            }
        }
    )*};
}

enumerations! { Tenancy Tokens VolumeType HealthCheck RolloutStrategy LogLevel }

/// Cases in the contract's order, each with something in it. One that is left out does not compile.
macro_rules! variants {
    ($($type:ident { $($case:ident = $number:literal)* })*) => {$(
        impl LaidOut for wit::$type {
            fn store(&self, image: &mut Image, at: usize) {
                match self {
                    $(Self::$case(value) => {
                        image.put(at, &[$number]);
                        value.store(image, at + Self::PAYLOAD_OFFSET32);
                    })*
                }
            }

            fn is_at(&self, memory: &[u8], at: usize) -> bool {
                match self {
                    $(Self::$case(value) => holds(memory, at, &[$number]) && value.is_at(memory, at + Self::PAYLOAD_OFFSET32),)*
                }
            }
        }
    )*};
}

variants! {
    Ami { Id = 0 Ssm = 1 Lookup = 2 }
    Source { Cidr = 0 SecurityGroup = 1 }
    SettingValue { Boolean = 0 Integer = 1 Text = 2 Texts = 3 }
}

/// A value for guests, laid out when the first asks for it that takes it so.
#[derive(Debug)]
pub(crate) struct Written<T> {
    pub(crate) value: T,
    image: OnceLock<Image>,
}

impl<T> Written<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { value, image: OnceLock::new() }
    }

    /// For one call.
    pub(crate) fn given<V: LaidOut + ?Sized>(&self, at_once: bool) -> Given<'_, V>
    where
        T: Borrow<V>,
    {
        let value = self.value.borrow();
        Given { value, image: at_once.then(|| self.image.get_or_init(|| Image::of(value))) }
    }
}

/// A value for a guest, and its image where the guest has promised what that needs.
pub(crate) struct Given<'a, T: ?Sized> {
    value: &'a T,
    image: Option<&'a Image>,
}

impl<T: ?Sized> Clone for Given<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Given<'_, T> {}

// SAFETY: it is lowered as what it refers to, in size, in form and by its type.
unsafe impl<T: ComponentType + ?Sized> ComponentType for Given<'_, T> {
    type Lower = T::Lower;
    const ABI: CanonicalAbiInfo = T::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> Result<()> {
        T::typecheck(ty, types)
    }
}

// SAFETY: on the stack it is lowered by the code of what it refers to; in memory, too, or as the bytes of its image. Those go where the guest's memory has
// been measured to have room, and whatever they are, they mean something to the guest only.
unsafe impl<T: Lower + ?Sized> Lower for Given<'_, T> {
    fn linear_lower_to_flat<U>(&self, cx: &mut LowerContext<'_, U>, ty: InterfaceType, dst: &mut MaybeUninit<Self::Lower>) -> Result<()> {
        self.value.linear_lower_to_flat(cx, ty, dst)
    }

    fn linear_lower_to_memory<U>(&self, cx: &mut LowerContext<'_, U>, ty: InterfaceType, offset: usize) -> Result<()> {
        match self.image {
            // Texts of an image are UTF-8.
            Some(image) if cx.options().string_encoding == StringEncoding::Utf8 => image.place(cx, offset, T::SIZE32),
            _ => self.value.linear_lower_to_memory(cx, ty, offset),
        }
    }
}

#[cfg(test)]
mod tests;
