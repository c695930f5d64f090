// Rounding as C and NumPy do it.

/** The nearest whole number; half of one goes to the even neighbour, as in C's lrint and Python's round. */
export function roundHalfEven(x) {
  const low = Math.floor(x);
  const rest = x - low;
  if (rest !== 0.5) return rest < 0.5 ? low : low + 1;
  return low % 2 === 0 ? low : low + 1;
}
