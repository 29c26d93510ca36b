// Eight coordinates of 64 rows and of 64 columns.
var<workgroup> tile_rows: array<vec4<f32>, 128>;
var<workgroup> tile_columns: array<vec4<f32>, 128>;
