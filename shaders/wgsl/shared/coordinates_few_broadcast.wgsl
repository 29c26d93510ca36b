    let my_y = params.scale * point(column_points[my_column]);
    #unroll k 8
    let y_$k = subgroupBroadcast(my_y, $ku);
    #end
