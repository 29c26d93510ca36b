    // A group of 8 columns: each of 8 lanes loads one, and gives it to the others. Subgroups of
    // more than 8 lanes load it once every 8.
    let my_column = 8u * group + (subgroup_lane & 7u);
    let my_y = params.scale * point(column_points[my_column]);
    let my_h = column_term(my_column);
    #unroll k 8
    let y_$k = subgroupBroadcast(my_y, $ku);
    let h_$k = subgroupBroadcast(my_h, $ku);
    #end
