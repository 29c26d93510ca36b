    // The 8 columns of a group: each of 8 lanes loads one, and gives it to the others. Subgroups of
    // more than 8 lanes load it once every 8.
    let my_column = 8u * group + (subgroup_lane & 7u);
    let my_h = column_term(my_column);
    #unroll k 8
    let column_$k = 8u * group + $ku;
    let h_$k = subgroupBroadcast(my_h, $ku);
    #end
