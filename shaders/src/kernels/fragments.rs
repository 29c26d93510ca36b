//! The files of a variant: the fragments for those imports of the kernel's file that do not name one directly.

use super::assemble::{Bindings, assemble};
use super::files::{FRAGMENTS, KERNELS};
use super::{Columns, Density, Factors, Lanes, Pairs, Points, Power, Shader, Terms, Values};

/// Names and their fragments; of equal names the first counts, and an empty fragment is no text.
type Choices = Vec<(&'static str, &'static str)>;

fn text(files: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    let mut files = files.iter();
    files.find(|(file, _)| *file == name).map(|(_, text)| *text)
}

impl Shader {
    /// The WGSL.
    pub fn source(self) -> String {
        let choices = self.choices();
        let fragment = |name: &str| {
            let chosen = choices.iter().find(|(key, _)| *key == name);
            match chosen.map_or(name, |(_, file)| file) {
                "" => Some(""),
                file => text(FRAGMENTS, file),
            }
        };
        assemble(
            // A kernel without a file has no entry point, which the validation reports.
            text(KERNELS, self.entry_point()).unwrap_or_default(),
            &Bindings {
                fragment: &fragment,
                constants: &[
                    ("ROWS", self.rows()),
                    ("LINES", self.lines()),
                    ("QUADS", self.quads()),
                    ("WORKGROUP", self.workgroup_size()),
                    ("STEP", self.splits_per_workgroup()),
                    ("TERMS", self.workgroup_size() * Self::REMEMBERED),
                ],
            },
        )
    }

    /// The name of the entry point, which is that of the kernel's file.
    pub fn entry_point(self) -> &'static str {
        match self {
            Self::Softmin(_) => "softmin",
            Self::Sums(..) => "sums",
            Self::Strip(..) => "strip",
            Self::Nearest(_) => "nearest",
            Self::StripProduct(..) => "strip_product",
            Self::Costs(_) => "costs",
            Self::GroupSums(_) => "group_sums",
            Self::Masses => "masses",
            Self::SoftminLines(..) => "softmin_lines",
            Self::ProductLines(..) => "product_lines",
            Self::NearestLines(..) => "nearest_lines",
            Self::Terms(_) => "terms",
            Self::SoftminFinish => "softmin_finish",
            Self::GuessedFinish => "guessed_finish",
            Self::SumsFinish(_) => "sums_finish",
            Self::NearestFinish => "nearest_finish",
            Self::Scale => "scale",
            Self::Integral => "integral",
            Self::Remember(_) => "remember",
            Self::Mixture => "mixture",
            Self::Combine => "combine",
            Self::Survey => "survey",
            Self::Place => "place",
            Self::Weigh => "weigh",
            Self::Write => "write",
        }
    }

    fn choices(self) -> Choices {
        let mut choices = match self {
            Self::Softmin(pairs) => vec![("column_term", pairs.column_term(Terms::Whole))],
            Self::Nearest(pairs) => vec![("column_term", pairs.column_term(Terms::Counted))],
            Self::GroupSums(pairs) => {
                let column_term = pairs.column_term(Terms::Whole);
                vec![("column_term", column_term), ("term", "term_plain")]
            }
            // These replace the bindings of clouds and all that belongs to them.
            Self::Costs(_) => vec![("clouds", "clouds_bare")],
            Self::ProductLines(density, ..) => vec![("density", density.file())],
            Self::Terms(Terms::Whole) => vec![("term_of", "term_of_whole")],
            Self::Terms(Terms::Excess) => vec![("term_of", "term_of_excess")],
            Self::Terms(Terms::Counted) => vec![("term_of", "term_of_counted")],
            Self::Sums(pairs, values) => values.of_sums(pairs),
            Self::Strip(pairs, values) => values.of_strip(pairs),
            Self::StripProduct(factors, _) => vec![("factors", factors.file())],
            Self::SumsFinish(values) => vec![("parts", values.parts())],
            _ => Vec::new(),
        };
        choices.extend(self.pairs().map_or_else(Vec::new, Pairs::choices));
        choices.extend(self.lanes().map(|lanes| ("my_places", lanes.file())));
        choices
    }
}

impl Lanes {
    fn file(self) -> &'static str {
        match self {
            Self::Rows => "lanes_of_rows",
            Self::Lines => "lanes_of_lines",
        }
    }
}

impl Density {
    fn file(self) -> &'static str {
        match self {
            Self::Whole => "density_of_costs",
            Self::Excess => "density_of_excess",
            Self::Stored => "density_stored",
        }
    }
}

impl Points {
    fn file(self) -> &'static str {
        match self {
            Self::One => "points_1",
            Self::Two => "points_2",
            Self::Three => "points_3",
            Self::Four => "points_4",
            Self::Block | Self::Blocks => "points_any",
        }
    }
}

impl Power {
    fn file(self) -> &'static str {
        match self {
            Self::One => "cost_1",
            Self::Two => "cost_2",
            Self::Any => "cost_any",
        }
    }
}

impl Factors {
    fn file(self) -> &'static str {
        match self {
            Self::Values => "factors_values",
            Self::Quads => "factors_quads",
            Self::Differences => "factors_differences",
        }
    }
}

impl Values {
    fn parts(self) -> &'static str {
        match self.sums() {
            4 => "parts_4",
            _ => "parts_1",
        }
    }

    /// The fragments of a kernel of sums.
    fn of_sums(self, pairs: Pairs) -> Choices {
        let (values, term) = match self {
            Self::None => ("values_none", "term_plain"),
            Self::One | Self::Excess => ("values_1", "term_weighted"),
            Self::Four => ("values_4", "term_weighted"),
            Self::Slope => ("values_slope", "term_slope"),
            Self::Curvature => ("values_curvature", "term_curvature"),
        };
        let (column_values, finish) = match self {
            Self::None => ("", "finish_guessed"),
            _ => (pairs.column_values(), "finish_values"),
        };
        let mut choices = self.of_both(pairs);
        choices.extend([
            ("values", values),
            ("parts", self.parts()),
            ("column_values", column_values),
            ("term", term),
            ("finish", finish),
        ]);
        choices
    }

    /// The fragments of the kernel of a strip.
    fn of_strip(self, pairs: Pairs) -> Choices {
        let (values, term, along) = match self {
            Self::Slope => ("strip_slope", "term_strip_slope", ""),
            Self::Curvature => ("strip_curvature", "term_strip_curvature", "along"),
            _ => ("strip_none", "term_weighted", ""),
        };
        let mut choices = self.of_both(pairs);
        choices.extend([
            ("values", values),
            ("column_values", pairs.column_values()),
            ("along", along),
            ("term", term),
        ]);
        choices
    }

    /// The fragments that kernels of sums and of strips share.
    fn of_both(self, pairs: Pairs) -> Choices {
        let (terms, weight, excess) = match self {
            Self::Excess => (Terms::Excess, "weight_excess", "excess"),
            _ => (Terms::Whole, "weight_whole", ""),
        };
        vec![
            ("column_term", pairs.column_term(terms)),
            ("weight", weight),
            ("excess", excess),
        ]
    }
}

impl Pairs {
    fn choices(self) -> Choices {
        let few = self.points.are_few();
        let near = self.columns == Columns::Near;
        let (rows, memory) = match (self.columns, few) {
            (Columns::Shared, true) => ("rows_few", "memory_few"),
            (Columns::Shared, false) => ("rows_tiled", "memory_tiled"),
            (_, true) => ("rows_few", ""),
            (_, false) => ("rows_any", ""),
        };
        let group = match (few, self.columns) {
            (true, _) => "group_few",
            (false, Columns::Shared) => "group_tiled",
            (false, _) => "group_any",
        };
        let (lanes, columns) = match self.columns {
            Columns::Loaded | Columns::Near => ("", "columns_loaded"),
            Columns::Broadcast => ("lanes_broadcast", "columns_broadcast"),
            Columns::Shared => ("", "columns_shared"),
        };
        let coordinates = match (self.columns, few) {
            (Columns::Loaded | Columns::Near, true) => "coordinates_few_loaded",
            (Columns::Loaded | Columns::Near, false) => "coordinates_any_loaded",
            (Columns::Broadcast, true) => "coordinates_few_broadcast",
            (Columns::Broadcast, false) => "coordinates_any_broadcast",
            (Columns::Shared, _) => "coordinates_few_shared",
        };
        let summed = match self.points {
            Points::Blocks => "in_blocks",
            _ => "in_one_block",
        };
        vec![
            ("clouds", if near { "clouds_near" } else { "clouds" }),
            ("walk", if near { "walk_near" } else { "walk_all" }),
            ("step", if near { "step_near" } else { "step_all" }),
            ("points", self.points.file()),
            ("cost", self.power.file()),
            ("memory", memory),
            ("lanes", lanes),
            ("rows", rows),
            ("group", group),
            ("columns", columns),
            ("coordinates", coordinates),
            ("summed", summed),
            ("distances", if few { "distances_few" } else { "" }),
        ]
    }

    fn column_term(self, terms: Terms) -> &'static str {
        match (self.columns, terms) {
            (Columns::Near, Terms::Excess) => "terms_excess",
            (Columns::Near, _) => "terms_whole",
            (_, Terms::Whole) => "column_term_whole",
            (_, Terms::Excess) => "column_term_excess",
            (_, Terms::Counted) => "column_term_counted",
        }
    }

    fn column_values(self) -> &'static str {
        match self.columns {
            Columns::Broadcast => "values_broadcast",
            _ => "values_loaded",
        }
    }
}
