    #unroll k 8
    let y_$k = params.scale * point(column_points[column_$k]);
    #end
