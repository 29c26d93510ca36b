//! The instruction sets for which the kernels are compiled, detected at run time.

use pulp::Arch;

/// An instruction set. Results on another one differ by rounding; nothing else of the machine changes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InstructionSet {
    /// AVX-512 (x86-64-v4).
    Avx512,
    /// AVX2 and FMA (x86-64-v3).
    Avx2,
    /// NEON.
    Neon,
    /// No vectors: every processor has it.
    Scalar,
}

impl InstructionSet {
    /// All instruction sets that haul knows, widest first.
    pub const ALL: [Self; 4] = [Self::Avx512, Self::Avx2, Self::Neon, Self::Scalar];

    /// The instruction sets that this processor has, widest first.
    pub fn available() -> impl Iterator<Item = Self> {
        let has = |set: &Self| set.arch().is_some();
        Self::ALL.into_iter().filter(has)
    }

    /// Its usual name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Avx512 => "AVX-512",
            Self::Avx2 => "AVX2",
            Self::Neon => "NEON",
            Self::Scalar => "scalar",
        }
    }

    /// The widest one that this processor has.
    pub(crate) fn widest() -> Self {
        Self::available().next().unwrap_or(Self::Scalar)
    }

    pub(crate) fn arch(self) -> Option<Arch> {
        match self {
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Self::Avx512 => pulp::x86::V4::try_new().map(Arch::V4),
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Self::Avx2 => pulp::x86::V3::try_new().map(Arch::V3),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => pulp::aarch64::Neon::try_new().map(Arch::Neon),
            Self::Scalar => Some(Arch::Scalar),
            _ => None,
        }
    }
}

/// An instruction set was asked for that the processor does not have.
#[derive(Debug, thiserror::Error)]
#[error("this processor has no {}; choose one of those it has: {}", .0.name(), names())]
pub(crate) struct Missing(pub(crate) InstructionSet);

fn names() -> String {
    let names: Vec<_> = InstructionSet::available()
        .map(InstructionSet::name)
        .collect();
    names.join(", ")
}
