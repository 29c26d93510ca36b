        #unroll k 8
        let y_$k = params.scale * column_points[column_$k * params.quads + quad];
        #end
