// Nothing but the kernel is summed.
alias Value = f32;
