"""Orders (发令单): the community commands, the departments act. One order, many units, each answers."""
