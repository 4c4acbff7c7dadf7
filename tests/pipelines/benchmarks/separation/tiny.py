"""Settings with which a cell takes a second."""

TINY = (
    "model.channels=[2,2]", "model.hidden=4", "model.background=4", "model.salient=2", "training.epochs=1",
    "training.linear_epochs=1", "training.batch_size=8", "analysis.permutations=19",
    "image.shape=[16,16,16]", "image.voxel_size=12",
)  # fmt: skip
