// The bindings of a kernel over pairs. Expects `Stored` of the importer's points fragment.
@group(0) @binding(1) var<storage, read> row_points: array<Stored>;
@group(0) @binding(2) var<storage, read> column_points: array<Stored>;
// log2 of the weights over their mean; LOWEST for weight 0 and for padding.
@group(0) @binding(3) var<storage, read> column_log_weights: array<f32>;
@group(0) @binding(4) var<storage, read> column_potential: array<f32>;

// log2 of what column j brings to a sum, but for its distance.
fn column_term(column: u32) -> f32 {
    return column_log_weights[column] + params.sharpness * column_potential[column];
}
