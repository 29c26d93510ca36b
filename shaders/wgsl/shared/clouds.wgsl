// The bindings of a kernel over pairs. Expects `Stored` of the importer's points fragment.
@group(0) @binding(1) var<storage, read> row_points: array<Stored>;
@group(0) @binding(2) var<storage, read> column_points: array<Stored>;
// The weights over their mean, in the form that the importer's fragment `column_term` defines.
@group(0) @binding(3) var<storage, read> column_weights: array<f32>;
@group(0) @binding(4) var<storage, read> column_potential: array<f32>;
#import column_term
