    // The 8 columns of a group, from a tile of 64 columns in the workgroup's memory. At the start of a tile each
    // invocation loads one column.
    if (group & 7u) == 0u {
        workgroupBarrier();
        let my_column = 8u * group + lane;
        tile_columns[lane] = params.scale * point(column_points[my_column]);
        tile_terms[lane] = column_term(my_column);
        workgroupBarrier();
    }
    let first_of_group = 8u * (group & 7u);
    #unroll k 8
    let column_$k = 8u * group + $ku;
    let h_$k = tile_terms[first_of_group + $ku];
    #end
