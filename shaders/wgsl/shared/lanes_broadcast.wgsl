    @builtin(subgroup_invocation_id) subgroup_lane: u32,
