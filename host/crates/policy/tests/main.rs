//! The policy room from outside, on real components, a subject a module: a program that holds a compiler takes long to link.

mod cached;
mod chains;
mod grants;
mod limits;
mod loading;
mod pooled;
mod running;
mod support;
