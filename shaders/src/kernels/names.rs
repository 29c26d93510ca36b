//! The names of variants, for people to type: the kernel, then its specialisation, as in
//! `softmin-3d-p2-shared-64`.

use super::{
    Columns, Density, Factors, Lanes, Pairs, Points, Power, Shader, Terms, Values, Workgroup,
};
use std::fmt::{self, Display, Formatter};

impl Shader {
    /// The variant with this name, as `Display` writes it.
    pub fn named(name: &str) -> Option<Self> {
        Self::all()
            .into_iter()
            .find(|shader| shader.to_string() == name)
    }
}

/// The kernel, then its specialisation in this order: values; the least dimension, the power of the cost, the
/// columns; invocations of a workgroup.
impl Display for Shader {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let kernel = self.entry_point().replace('_', "-");
        f.write_str(&kernel)?;
        match *self {
            Self::Softmin(pairs)
            | Self::Nearest(pairs)
            | Self::Costs(pairs)
            | Self::GroupSums(pairs) => write!(f, "{pairs}"),
            Self::Sums(pairs, values) | Self::Strip(pairs, values) => write!(f, "{values}{pairs}"),
            Self::StripProduct(factors, workgroup) => write!(f, "{factors}{workgroup}"),
            Self::Remember(workgroup) => write!(f, "{workgroup}"),
            Self::SoftminLines(lanes, workgroup) | Self::NearestLines(lanes, workgroup) => {
                write!(f, "{lanes}{workgroup}")
            }
            Self::ProductLines(density, lanes, workgroup) => {
                write!(f, "{density}{lanes}{workgroup}")
            }
            Self::Terms(terms) => write!(f, "{terms}"),
            Self::SumsFinish(values) => write!(f, "{values}"),
            Self::SoftminFinish
            | Self::GuessedFinish
            | Self::NearestFinish
            | Self::Masses
            | Self::Scale
            | Self::Integral
            | Self::Mixture
            | Self::Combine
            | Self::Survey
            | Self::Place
            | Self::Weigh
            | Self::Write => Ok(()),
        }
    }
}

impl Display for Pairs {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            points,
            power,
            columns,
            workgroup,
        } = self;
        write!(f, "{points}{power}{columns}{workgroup}")
    }
}

/// Each part of a name begins with its hyphen, so that an empty part leaves no hyphen.
macro_rules! parts {
    ($($variant:ident { $($case:ident => $name:literal),* $(,)? })*) => {$(
        impl Display for $variant {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$case => $name,)*
                })
            }
        }
    )*};
}

parts! {
    Points {
        One => "-1d",
        Two => "-2d",
        Three => "-3d",
        Four => "-4d",
        Block => "-5d",
        Blocks => "-33d",
    }
    Power {
        One => "-p1",
        Two => "-p2",
        Any => "-anyp",
    }
    Columns {
        Loaded => "-loaded",
        Broadcast => "-broadcast",
        Shared => "-shared",
        Near => "-near",
    }
    Workgroup {
        Small => "-8",
        Large => "-64",
    }
    Terms {
        Whole => "-whole",
        Excess => "-excess",
        Counted => "-counted",
    }
    Values {
        None => "",
        One => "-one",
        Four => "-four",
        Excess => "-excess",
        Slope => "-slope",
        Curvature => "-curvature",
    }
    Lanes {
        Rows => "-rows",
        Lines => "-lines",
    }
    Density {
        Whole => "-whole",
        Excess => "-excess",
        Stored => "-stored",
    }
    Factors {
        Values => "-values",
        Quads => "-quads",
        Differences => "-differences",
    }
}
