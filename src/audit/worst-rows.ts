/**
 * Places of the lowest scores, lowest first, ties by place.
 *
 * @param count at most so many
 */
export function worstPlaces(scores: Float64Array, count: number): number[] {
  const worst: number[] = [];
  for (let at = 0; at < scores.length; at += 1) {
    if (worst.length === count && (count === 0 || scores[at]! >= scores[worst.at(-1)!]!)) continue;
    let place = worst.length;
    while (place > 0 && scores[worst[place - 1]!]! > scores[at]!) place -= 1;
    worst.splice(place, 0, at);
    if (worst.length > count) worst.pop();
  }
  return worst;
}
