    // The groups that this workgroup takes.
    var position = params.first_group + workgroup.y * params.groups_per_split;
    let end = min(position + params.groups_per_split, params.last_group);
