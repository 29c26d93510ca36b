// The bindings of a kernel over the pairs of a near list. Expects `Stored` of the importer's points fragment.
@group(0) @binding(1) var<storage, read> row_points: array<Stored>;
@group(0) @binding(2) var<storage, read> column_points: array<Stored>;
#import column_term
// For each tile of 64 rows, the groups of the bound columns that its rows take. Element t is for tile t:
//
//     (its first entry, how many entries it has, at least one; groups in all of them; 0)
//
// and an entry is one element too. The groups of a tile, one entry after the other, have places 0, 1, …:
//
//     (the first place, the place after the last; the offset from a place to its group; its share of a sum of groups)
//
// Tiles may share entries. A tile without groups has an empty entry.
@group(0) @binding(4) var<storage, read> near: array<vec4<u32>>;
