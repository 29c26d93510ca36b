// One value a column.
alias Value = f32;

fn value_at(column: u32) -> Value {
    return column_values[min(column, params.last_column) * params.width + params.channel];
}
