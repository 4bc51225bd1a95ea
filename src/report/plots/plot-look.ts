/** Dark grey: softer than black, dark enough for small print. */
export const ink = "#333333";

export const font = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";
