    // The 8 columns of a group: each of 8 lanes loads one column, and broadcasts it to the others. In a larger subgroup,
    // every 8 lanes do so.
    let my_column = 8u * group + (subgroup_lane & 7u);
    let my_h = column_term(my_column);
    #unroll k 8
    let column_$k = 8u * group + $ku;
    let h_$k = subgroupBroadcast(my_h, $ku);
    #end
