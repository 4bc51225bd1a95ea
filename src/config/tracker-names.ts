/** Names as TRL's `report_to` has them; read by the command line, which loads no schema for its help. */
export const trackerNames = ["tensorboard", "wandb", "mlflow", "trackio"] as const;
