        let my_y = params.scale * column_points[my_column * params.quads + quad];
        #unroll k 8
        let y_$k = subgroupBroadcast(my_y, $ku);
        #end
