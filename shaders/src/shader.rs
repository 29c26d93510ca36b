//! The list of the kernels and of their variants.

use crate::assemble::{Bindings, assemble};

/// A kernel in one of its variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shader {
    /// The log-sum-exp of softmin, states of (maximum, sum).
    Softmin(Pairs),
    /// The kernel–vector product, states of one or four sums.
    Product(Pairs, Width),
    /// Joins the states of softmin.
    SoftminFinish,
    /// Adds the states of a product.
    ProductFinish(Width),
    /// The update of a scaling.
    Scale,
    /// The marginal error of a row's ratio from 1.
    MarginalError(Ratio),
    /// An inner product of two vectors.
    InnerProduct,
    /// A linear combination of up to four vectors.
    Combine,
    /// Tells the host that the work before it is done.
    SignOff,
}

/// How a kernel over pairs is specialised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pairs {
    /// The dimension of the points.
    pub points: Points,
    /// The power p of the cost.
    pub power: Power,
    /// How columns are fetched.
    pub columns: Columns,
}

/// The dimension of the points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Points {
    /// d = 1: an f32 a point.
    One,
    /// d = 2: a vec2 a point.
    Two,
    /// d = 3: a vec4 a point, the last coordinate unused.
    Three,
    /// d = 4: a vec4 a point.
    Four,
    /// Any d: ⌈d/4⌉ vec4 a point, padded with zeros.
    Any,
}

/// The power p of the cost |x − y|^p.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Power {
    /// p = 1.
    One,
    /// p = 2.
    Two,
    /// Any other p between 0 and 2.
    Any,
}

/// How the invocations of a kernel over pairs come by their columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Columns {
    /// Each loads all of them.
    Loaded,
    /// Each loads one of eight and broadcasts it to its subgroup, which has at least 8 lanes.
    Broadcast,
}

/// How many values of a column a product sums at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Width {
    /// One.
    One,
    /// Four, some of which may be unused.
    Four,
}

/// What the ratio of a marginal to its measure is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ratio {
    /// A potential and its update.
    Potentials,
    /// A scaling and the sums it is updated with.
    Scalings,
}

/// How a kernel uses a storage buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// It reads it.
    Read,
    /// It reads and writes it.
    Write,
}

macro_rules! wgsl {
    ($name:literal) => {
        include_str!(concat!("../wgsl/", $name, ".wgsl"))
    };
}

impl Points {
    const ALL: [Self; 5] = [Self::One, Self::Two, Self::Three, Self::Four, Self::Any];

    /// The variant for a dimension.
    pub fn of_dimension(dimension: usize) -> Self {
        match dimension {
            1 => Self::One,
            2 => Self::Two,
            3 => Self::Three,
            4 => Self::Four,
            _ => Self::Any,
        }
    }

    /// How many floats a point of this dimension takes in a buffer.
    pub fn stride(dimension: usize) -> usize {
        match dimension {
            1 | 2 => dimension,
            _ => dimension.next_multiple_of(4),
        }
    }

    fn fragment(self) -> &'static str {
        match self {
            Self::One => wgsl!("shared/points_1"),
            Self::Two => wgsl!("shared/points_2"),
            Self::Three => wgsl!("shared/points_3"),
            Self::Four => wgsl!("shared/points_4"),
            Self::Any => wgsl!("shared/points_any"),
        }
    }
}

impl Power {
    const ALL: [Self; 3] = [Self::One, Self::Two, Self::Any];

    fn fragment(self) -> &'static str {
        match self {
            Self::One => wgsl!("shared/cost_1"),
            Self::Two => wgsl!("shared/cost_2"),
            Self::Any => wgsl!("shared/cost_any"),
        }
    }
}

impl Width {
    /// The number.
    pub fn values(self) -> usize {
        match self {
            Self::One => 1,
            Self::Four => 4,
        }
    }
}

impl Pairs {
    fn all() -> impl Iterator<Item = Self> {
        Points::ALL.into_iter().flat_map(|points| {
            Power::ALL.into_iter().flat_map(move |power| {
                [Columns::Loaded, Columns::Broadcast].map(move |columns| Self {
                    points,
                    power,
                    columns,
                })
            })
        })
    }

    /// Rows that one invocation holds in registers.
    fn rows(self) -> usize {
        match self.points {
            Points::Any => 4,
            _ => 8,
        }
    }

    fn fragments(self) -> Vec<(&'static str, &'static str)> {
        let few = self.points != Points::Any;
        let (rows, distances) = if few {
            (wgsl!("shared/rows_few"), wgsl!("shared/distances_few"))
        } else {
            (wgsl!("shared/rows_any"), wgsl!("shared/distances_any"))
        };
        let (lanes, group, column_values) = match (self.columns, few) {
            (Columns::Loaded, true) => (
                wgsl!("shared/lanes_loaded"),
                wgsl!("shared/group_few_loaded"),
                wgsl!("shared/values_loaded"),
            ),
            (Columns::Loaded, false) => (
                wgsl!("shared/lanes_loaded"),
                wgsl!("shared/group_any_loaded"),
                wgsl!("shared/values_loaded"),
            ),
            (Columns::Broadcast, true) => (
                wgsl!("shared/lanes_broadcast"),
                wgsl!("shared/group_few_broadcast"),
                wgsl!("shared/values_broadcast"),
            ),
            (Columns::Broadcast, false) => (
                wgsl!("shared/lanes_broadcast"),
                wgsl!("shared/group_any_broadcast"),
                wgsl!("shared/values_broadcast"),
            ),
        };
        vec![
            ("params", wgsl!("shared/params")),
            ("points", self.points.fragment()),
            ("clouds", wgsl!("shared/clouds")),
            ("cost", self.power.fragment()),
            ("lanes", lanes),
            ("rows", rows),
            ("group", group),
            ("distances", distances),
            ("column_values", column_values),
        ]
    }
}

impl Shader {
    /// Columns in a group: ranges of columns begin and end at multiples of it.
    pub const GROUP: usize = 8;

    /// Every variant of every kernel.
    pub fn all() -> Vec<Self> {
        let widths = [Width::One, Width::Four];
        let mut all: Vec<Self> = Pairs::all()
            .flat_map(|pairs| {
                std::iter::once(Self::Softmin(pairs))
                    .chain(widths.map(|width| Self::Product(pairs, width)))
            })
            .collect();
        all.extend(widths.map(Self::ProductFinish));
        all.extend([
            Self::SoftminFinish,
            Self::Scale,
            Self::MarginalError(Ratio::Potentials),
            Self::MarginalError(Ratio::Scalings),
            Self::InnerProduct,
            Self::Combine,
            Self::SignOff,
        ]);
        all
    }

    /// The WGSL.
    pub fn source(self) -> String {
        let mut fragments = match self {
            Self::Softmin(pairs) | Self::Product(pairs, _) => pairs.fragments(),
            _ => vec![
                ("vector_params", wgsl!("shared/vector_params")),
                ("workgroup_sum", wgsl!("shared/workgroup_sum")),
            ],
        };
        match self {
            Self::Product(_, Width::One) => fragments.push(("values", wgsl!("shared/values_1"))),
            Self::Product(_, Width::Four) => fragments.push(("values", wgsl!("shared/values_4"))),
            Self::ProductFinish(Width::One) => fragments.push(("parts", wgsl!("shared/parts_1"))),
            Self::ProductFinish(Width::Four) => fragments.push(("parts", wgsl!("shared/parts_4"))),
            Self::MarginalError(Ratio::Potentials) => {
                fragments.push(("ratio", wgsl!("shared/ratio_potentials")));
            }
            Self::MarginalError(Ratio::Scalings) => {
                fragments.push(("ratio", wgsl!("shared/ratio_scalings")));
            }
            _ => {}
        }
        let kernel = match self {
            Self::Softmin(_) => wgsl!("softmin"),
            Self::Product(..) => wgsl!("product"),
            Self::SoftminFinish => wgsl!("softmin_finish"),
            Self::ProductFinish(_) => wgsl!("product_finish"),
            Self::Scale => wgsl!("scale"),
            Self::MarginalError(_) => wgsl!("marginal_error"),
            Self::InnerProduct => wgsl!("inner_product"),
            Self::Combine => wgsl!("combine"),
            Self::SignOff => wgsl!("sign_off"),
        };
        assemble(
            kernel,
            &Bindings {
                fragments: &fragments,
                constants: &[("ROWS", self.rows()), ("WORKGROUP", self.workgroup_size())],
            },
        )
    }

    /// The name of the entry point, which is that of the kernel's file.
    pub fn entry_point(self) -> &'static str {
        match self {
            Self::Softmin(_) => "softmin",
            Self::Product(..) => "product",
            Self::SoftminFinish => "softmin_finish",
            Self::ProductFinish(_) => "product_finish",
            Self::Scale => "scale",
            Self::MarginalError(_) => "marginal_error",
            Self::InnerProduct => "inner_product",
            Self::Combine => "combine",
            Self::SignOff => "sign_off",
        }
    }

    /// Invocations of a workgroup.
    pub fn workgroup_size(self) -> usize {
        match self {
            Self::Softmin(_) | Self::Product(..) => 64,
            Self::SignOff => 1,
            _ => 256,
        }
    }

    /// Rows, or elements, that one workgroup serves.
    pub fn rows_per_workgroup(self) -> usize {
        self.workgroup_size() * self.rows()
    }

    /// Rows, or elements, of one invocation.
    fn rows(self) -> usize {
        match self {
            Self::Softmin(pairs) | Self::Product(pairs, _) => pairs.rows(),
            _ => 1,
        }
    }

    /// Whether it needs subgroup operations, the only capability beyond the core of WGSL.
    pub fn needs_subgroups(self) -> bool {
        matches!(
            self,
            Self::Softmin(Pairs {
                columns: Columns::Broadcast,
                ..
            }) | Self::Product(
                Pairs {
                    columns: Columns::Broadcast,
                    ..
                },
                _
            )
        )
    }

    /// The storage buffers at bindings 1, 2, …; binding 0 is the uniform buffer of its parameters.
    pub fn storage(self) -> &'static [Access] {
        use Access::{Read as R, Write as W};
        match self {
            Self::Softmin(_) => &[R, R, R, R, W],
            Self::Product(..) => &[R, R, R, R, R, R, W],
            Self::SoftminFinish | Self::ProductFinish(_) => &[R, W],
            Self::Scale => &[R, W, W],
            Self::MarginalError(_) => &[R, R, R, W],
            Self::InnerProduct => &[R, R, W],
            Self::Combine => &[R, R, R, R, W],
            Self::SignOff => &[W],
        }
    }
}
