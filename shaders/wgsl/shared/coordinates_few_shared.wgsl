    #unroll k 8
    let y_$k = tile_columns[first_of_group + $ku];
    #end
