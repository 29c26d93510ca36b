    // A group of 8 columns and its squared distances from all rows, four coordinates at a time:
    // each of 8 lanes loads one column, and gives it to the others.
    let my_column = 8u * group + (subgroup_lane & 7u);
    let my_h = column_term(my_column);
    #unroll k 8
    let h_$k = subgroupBroadcast(my_h, $ku);
    #unroll r ROWS
    var d_$r_$k = 0.0;
    #end
    #end
    for (var quad = 0u; quad < params.quads; quad += 1u) {
        #unroll r ROWS
        let x_$r = params.scale * row_points[row_$r * params.quads + quad];
        #end
        let my_y = params.scale * column_points[my_column * params.quads + quad];
        #unroll k 8
        let y_$k = subgroupBroadcast(my_y, $ku);
        #unroll r ROWS
        let e_$r_$k = x_$r - y_$k;
        d_$r_$k += dot(e_$r_$k, e_$r_$k);
        #end
        #end
    }
