    // The places of the list of its tile that this workgroup takes, and the entry of the first.
    let list = near[params.first_tile + workgroup.x * (WORKGROUP * $ROWSu) / 64u];
    var position = params.first_group + workgroup.y * params.groups_per_split;
    let end = min(position + params.groups_per_split, min(params.last_group, list.z));
    var at = list.x;
    for (var left = list.y; left > 1u;) {
        let half = left / 2u;
        let behind = near[at + half].x <= position;
        at = select(at, at + half, behind);
        left = select(half, left - half, behind);
    }
    var entry = near[at];
