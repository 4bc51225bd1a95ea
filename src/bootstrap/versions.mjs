/** Version numbers such as `v20.19.0` or `Python 3.11.7`. Runs on old Nodes too: plain syntax only. */

/**
 * @param {string} text
 * @returns {number[] | null} null where the text holds no version
 */
export function parseVersion(text) {
  const match = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  return match === null ? null : [Number(match[1]), Number(match[2]), Number(match[3] || 0)];
}

/**
 * @param {string} text
 * @param {readonly number[]} minimum
 * @returns {boolean} false where the text holds no version
 */
export function isAtLeast(text, minimum) {
  const version = parseVersion(text);
  if (version === null) return false;
  for (let part = 0; part < minimum.length; part += 1) {
    const difference = (version[part] || 0) - (minimum[part] || 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
