// The bindings of a kernel over those pairs that a list names. Expects `Stored` of the importer's points fragment.
@group(0) @binding(1) var<storage, read> row_points: array<Stored>;
@group(0) @binding(2) var<storage, read> column_points: array<Stored>;
#import column_term
// The groups of columns that count for each tile of 64 rows, of the bound columns. Element t tells of tile t:
//
//     (its first entry, how many entries it has, at least one; groups in all of them; 0)
//
// and an entry is an element as well. The groups of a tile, one entry after the other, have places 0, 1, …:
//
//     (the first place, the place behind the last; what is added to a place for its group; its share of a sum of groups)
//
// Tiles may have entries in common. A tile without groups has an entry that is nothing.
@group(0) @binding(4) var<storage, read> near: array<vec4<u32>>;
