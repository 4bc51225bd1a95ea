/** The dashboard's panels, in the order of their numbers. */
export const panelIds = ["risk", "training", "tail", "what-if", "events"] as const;
export type PanelId = (typeof panelIds)[number];
