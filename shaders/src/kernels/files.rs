//! The files under `wgsl`, by name.

macro_rules! files {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../wgsl/", $folder, $name, ".wgsl")))),*]
    };
}

/// One file a kernel, of the name of its entry point.
pub(crate) const KERNELS: &[(&str, &str)] = files![
    "":
    "combine", "costs", "group_sums", "guessed_finish", "integral", "masses", "mixture", "nearest",
    "nearest_finish", "nearest_lines", "place", "product_lines", "remember", "scale", "softmin", "softmin_finish",
    "softmin_lines", "strip", "strip_product", "sums", "sums_finish", "survey", "terms", "weigh", "write",
];

/// What several kernels import.
pub(crate) const FRAGMENTS: &[(&str, &str)] = files![
    "shared/":
    "along", "array_params", "blocks", "clouds", "clouds_bare", "clouds_near", "column_term_counted",
    "column_term_excess", "column_term_whole", "columns_broadcast", "columns_loaded", "columns_shared",
    "coordinates_any_broadcast", "coordinates_any_loaded", "coordinates_few_broadcast", "coordinates_few_loaded",
    "coordinates_few_shared", "cost_1", "cost_2", "cost_any", "density_of_costs", "density_of_excess",
    "density_stored", "direction", "distances_few", "excess", "excess_of_potentials", "factors_differences",
    "factors_of_columns", "factors_quads", "factors_values", "finish_guessed", "finish_values", "group_any",
    "group_few", "group_tiled", "guessed_value", "in_blocks", "in_one_block", "joined", "lanes_broadcast",
    "lanes_of_lines", "lanes_of_rows", "lines_blocks", "lines_group", "lines_params", "lines_places", "lowest",
    "mass", "memory_few", "memory_tiled", "no_column", "params",
    "parts_1", "parts_4", "points_1", "points_2", "points_3", "points_4", "points_any", "row_term", "rows_any",
    "rows_few", "rows_tiled", "slants", "slope", "softmin_value", "squares", "squares_tiled", "step_all",
    "step_near", "strip_curvature", "strip_none", "strip_slope", "sum_of_splits", "term_curvature",
    "term_of_counted", "term_of_excess", "term_of_whole", "term_plain", "term_slope", "term_strip_curvature",
    "term_strip_slope", "term_weighted", "terms_excess", "terms_whole", "values_1", "values_4", "values_broadcast",
    "values_curvature", "values_loaded", "values_none", "values_slope", "vector_params", "walk_all", "walk_near",
    "weight_excess", "weight_whole",
];
