    if position == entry.y {
        at += 1u;
        entry = near[at];
    }
    let group = position + entry.z;
