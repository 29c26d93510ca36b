// A tile of 64 columns.
var<workgroup> tile_columns: array<Point, 64>;
var<workgroup> tile_terms: array<f32, 64>;
