    // The 8 columns of a group: the values of the strip, which all lines share, and the places of the lines' own values. A
    // column past the last one counts as 0.
    #unroll k 8
    let counts_$k = column + $ku < params.columns;
    let offset_$k = min(column + $ku, params.columns - 1u) * params.inner;
    #unroll r ROWS
    let c_$r_$k = strip[(column + $ku) * params.height + row_$r];
    #end
    #end
