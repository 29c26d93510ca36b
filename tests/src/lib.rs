//! What the test suites share: the engines they run on, a dense reference in f64, clouds, and a
//! comparator that names what differs.
//!
//! A body is written once and runs on every engine. The CPU engines are always there; a wgpu
//! adapter is one that `HAUL_TEST_ADAPTERS` names (parts of names, separated by commas). A named
//! adapter that is missing is a failure; without the variable the bodies for adapters show as
//! ignored.

pub mod buffers;
pub mod clouds;
pub mod compare;
pub mod counting;
pub mod dense;
pub mod engines;
pub mod ranks;
pub mod supported;

pub use pollster::block_on as wait;

/// The samples in Rust of the README and of the guide run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[doc = include_str!("../../docs/src/rust.md")]
#[doc = include_str!("../../docs/src/flows.md")]
#[doc = include_str!("../../docs/src/large.md")]
#[doc = include_str!("../../docs/src/dimensions.md")]
#[doc = include_str!("../../docs/src/colours.md")]
#[doc = include_str!("../../docs/src/coming.md")]
#[doc = include_str!("../../docs/src/coordinates.md")]
#[doc = include_str!("../../docs/src/models.md")]
#[doc = include_str!("../../docs/src/topics.md")]
#[doc = include_str!("../../docs/src/documents.md")]
struct Samples;
