    // The 8 columns of a group: what the strip has for all lines, and where the lines have theirs. A column past the
    // last counts for nothing.
    #unroll k 8
    let counts_$k = column + $ku < params.columns;
    let offset_$k = min(column + $ku, params.columns - 1u) * params.inner;
    #unroll r ROWS
    let c_$r_$k = strip[(column + $ku) * params.height + row_$r];
    #end
    #end
