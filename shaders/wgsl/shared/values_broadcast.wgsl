    let my_v = value_at(my_column);
    #unroll k 8
    let v_$k = subgroupBroadcast(my_v, $ku);
    #end
