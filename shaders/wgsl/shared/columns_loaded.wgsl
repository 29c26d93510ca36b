    // The 8 columns of a group: each invocation loads all of them.
    #unroll k 8
    let column_$k = 8u * group + $ku;
    let h_$k = column_term(column_$k);
    #end
