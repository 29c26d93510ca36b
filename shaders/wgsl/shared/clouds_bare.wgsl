// The bindings of a kernel that needs only the distances of points. Expects `Stored` of the importer's points fragment.
@group(0) @binding(1) var<storage, read> row_points: array<Stored>;
@group(0) @binding(2) var<storage, read> column_points: array<Stored>;

fn column_term(column: u32) -> f32 {
    return 0.0;
}
