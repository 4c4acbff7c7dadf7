"""The methods paragraph with its references, and the reproducibility checklist, from run.json."""

import re
from typing import Any

from adhd_cvae.analysis.confounding_words import listed
from pipelines.formats import ReportTable
from pipelines.narrative import is_simulated
from pipelines.results import Results
from pipelines.settings import flatten

REFERENCES = {
    "study": "Lan, Sun. CVAE-based ADHD neuroimaging analysis. BrainHack School, 2025.",
    "aglinskas": "Aglinskas A, Hartshorne JK, Anzellotti S. Contrastive machine learning reveals the "
    "structure of neuroanatomical variation within autism. Science 376:1070–1074, 2022. "
    "doi:10.1126/science.abm2461",
    "cvae": "Abid A, Zou J. Contrastive variational autoencoder enhances salient features. "
    "arXiv:1902.04601, 2019.",
    "vae": "Kingma DP, Welling M. Auto-encoding variational Bayes. ICLR, 2014. arXiv:1312.6114",
    "cpca": "Abid A, Zhang MJ, Bagaria VK, Zou J. Exploring patterns enriched in a dataset with "
    "contrastive principal component analysis. Nature Communications 9:2134, 2018. "
    "doi:10.1038/s41467-018-04608-8",
    "pcpca": "Li D, Jones A, Engelhardt B. Probabilistic contrastive principal component analysis. "
    "arXiv:2012.07977, 2020.",
    "ica": "Hyvärinen A. Fast and robust fixed-point algorithms for independent component analysis. IEEE "
    "Transactions on Neural Networks 10:626-634, 1999. doi:10.1109/72.761722",
    "rsa": "Kriegeskorte N, Mur M, Bandettini P. Representational similarity analysis: connecting the "
    "branches of systems neuroscience. Frontiers in Systems Neuroscience 2:4, 2008. "
    "doi:10.3389/neuro.06.004.2008",
    "legendre": "Legendre P. Comparison of permutation methods for the partial correlation and partial Mantel tests. "
    "Journal of Statistical Computation and Simulation 67:37–73, 2000. doi:10.1080/00949650008812035",
    "fdr": "Benjamini Y, Hochberg Y. Controlling the false discovery rate. Journal of the Royal "
    "Statistical Society B 57:289–300, 1995. doi:10.1111/j.2517-6161.1995.tb02031.x",
    "silhouette": "Rousseeuw PJ. Silhouettes: a graphical aid to the interpretation and validation of "
    "cluster analysis. Journal of Computational and Applied Mathematics 20:53–65, 1987. "
    "doi:10.1016/0377-0427(87)90125-7",
    "mclachlan": "McLachlan GJ. On bootstrapping the likelihood ratio test statistic for the number of components "
    "in a normal mixture. Applied Statistics 36:318–324, 1987. doi:10.2307/2347790",
    "umap": "McInnes L, Healy J, Melville J. UMAP: uniform manifold approximation and projection for "
    "dimension reduction. arXiv:1802.03426, 2018.",
    "hsic": "Gretton A, Bousquet O, Smola A, Schölkopf B. Measuring statistical dependence with "
    "Hilbert-Schmidt norms. Algorithmic Learning Theory, 63–77, 2005. doi:10.1007/11564089_7",
    "adhd200": "The ADHD-200 Consortium. A model to advance the translational potential of neuroimaging in "
    "clinical neuroscience. Frontiers in Systems Neuroscience 6:62, 2012. doi:10.3389/fnsys.2012.00062",
}
"""Key to full reference, in the order of the list."""

_TOLD = ("device", "device_name", "threads", "precision", "torch_threads", "deterministic")
"""Facts of run.json that may be shown: never a host, a user or a path."""

_ABSOLUTE_PATH = re.compile(r"(?:file://)?(?:[A-Za-z]:)?[\\/](?:[^\s\\/'\",;]+[\\/])+")


_START = {
    "contrast": (
        "the difference of group means outside the leading principal components and contrastive principal components",
        "cpca",
    ),
    "contrastive_pca": ("contrastive principal components", "cpca"),
    "pcpca": ("probabilistic contrastive principal components", "pcpca"),
    "pca": ("principal components", ""),
    "ica": ("independent components", "ica"),
}
"""What each start is called, and the reference it calls for."""


def public(value: Any) -> str:
    """A value as text, with the folders of any absolute path taken away."""
    return _ABSOLUTE_PATH.sub("…/", str(value))


def used_references(results: Results) -> list[tuple[str, str]]:
    """Key and text of each reference that this run's methods call for."""
    wanted = {"study", "aglinskas", "cvae", "vae"}
    wanted.add(_start(results)[1])
    for table, keys in (
        ("rsa", ("rsa", "fdr", *(("legendre",) if _has_partial(results) else ()))),
        ("silhouette", ("silhouette",)),
        ("mixture_test", ("mclachlan",)),
        ("umap", ("umap",)),
        ("independence", ("hsic",)),
    ):
        if results.analysis(table) is not None:
            wanted.update(keys)
    # A simulated cohort has the release's variables and codes, so its makers are credited as well.
    wanted.add("adhd200")
    return [(key, text) for key, text in REFERENCES.items() if key in wanted]


def paragraph(results: Results) -> str:
    """Methods, ready to paste; says only what the recipe and the tables show, cites by number."""
    cited = {key: str(place) for place, (key, _) in enumerate(used_references(results), start=1)}
    parts = [
        _images(results, cited),
        _balancing(results),
        _model(results, cited),
        _training(results),
        _analyses(results, cited),
        _software(results),
    ]
    return " ".join(part for part in parts if part)


def _images(results: Results, cited: dict[str, str]) -> str:
    shape, size = results.setting("image.shape"), results.setting("image.voxel_size")
    if shape is None or results.cohort is None:
        return ""
    patients = len(results.members(group="target"))
    smoothing = results.setting("image.fwhm", 0)
    what = "Simulated gray-matter maps" if is_simulated(results) else "Gray-matter maps"
    return (
        f"{what} of {patients} patients and {len(results.cohort) - patients} controls were resampled in "
        f"world space "
        f"to {' × '.join(map(str, shape))} voxels of {size:g} mm"
        + (f" and smoothed ({smoothing:g} mm full width at half maximum)." if smoothing else ".")
        + f" Phenotypes follow the code book of ADHD-200 [{cited['adhd200']}]."
    )


def _balancing(results: Results) -> str:
    """How the groups were made comparable before anything was learnt; nothing where they were taken as they are."""
    asked = []
    if results.setting("cohort.drop_one_group_sites"):
        asked.append("sites with one group only were left out")
    if match := results.setting("cohort.match"):
        names = listed([results.label(name) for name in match])
        asked.append(
            f"each patient was paired with one control by {names} (codes equal, numbers within "
            f"{results.setting('cohort.caliper'):g} standard deviations) and the unpaired were left out"
        )
    if (ratio := results.setting("cohort.max_ratio")) is not None:
        asked.append(f"the larger group of each site was cut at random to {ratio:g} times the smaller one")
    return f"Beforehand, {'; '.join(asked)}." if asked else ""


def _start(results: Results) -> tuple[str, str]:
    return _START.get(results.setting("model.start"), ("", ""))


def _model(results: Results, cited: dict[str, str]) -> str:
    salient, background = results.setting("model.salient"), results.setting("model.background")
    if salient is None:
        return ""
    text = (
        f"A contrastive variational autoencoder [{cited['cvae']}] as applied to anatomy in "
        f"[{cited['aglinskas']}] and "
        f"[{cited['study']}] encoded each map in {salient} salient units (s), decoded for patients only, and "
        f"{background} background units (z), shared by both groups; controls were decoded with s = 0."
    )
    start, reference = _start(results)
    if start:
        text += f" Its linear part started from {start}" + (f" [{cited[reference]}]." if reference else ".")
        if results.setting("cohort.site"):
            text += " Salient directions of that start are free of differences between sites."
    if results.setting("objective.total_correlation"):
        critic = results.setting("objective.critic", "nonlinear")
        text += f" A {critic} critic with its own optimiser estimated the total correlation of s and z."
    if results.setting("training.vae"):
        text += (
            f" A plain variational autoencoder [{cited['vae']}] with as many units and the same "
            f"reconstruction "
            "scale was the comparison."
        )
    return text


def _training(results: Results) -> str:
    share = results.setting("cohort.test_fraction")
    if share is None or results.history is None:
        return ""
    return (
        f"{100 * share:.0f} % of participants, in proportion of site and group, were held out; training ran "
        f"for at "
        f"most {results.setting('training.epochs')} epochs (learning rate "
        f"{results.setting('training.learning_rate'):g}, "
        f"{results.setting('training.batch_size')} participants of each group a batch) and stopped after "
        f"{results.setting('training.patience')} epochs without a better loss on a "
        "part of the training split kept for validation (seed "
        f"{results.setting('seed', 0)})."
    )


def _analyses(results: Results, cited: dict[str, str]) -> str:
    said = []
    if results.analysis("rsa") is not None:
        within = results.setting("analysis.permute_within")
        said.append(
            f"Representational similarity [{cited['rsa']}] was Kendall's τ between the Euclidean "
            f"dissimilarities of "
            "posterior means and those of each variable (absolute difference, or equal against unequal) "
            "over patients; "
            f"two-sided p-values came from {results.setting('analysis.permutations', 'n/a')} permutations of "
            f"participants{f' within {within}' if within else ''}, corrected over the table for the false "
            f"discovery rate [{cited['fdr']}], and intervals from "
            f"{results.setting('analysis.bootstraps', 'n/a')} "
            "bootstrap samples of participants."
        )
        if _has_partial(results):
            said.append(
                "For the partial τ, ranks of the dissimilarities of pairs of the same site were freed of a "
                "polynomial of degree 4 in the ranked differences of age (a partial Mantel test "
                f"[{cited['legendre']}]), and participants were permuted among neighbours in age within sites."
            )
    if results.analysis("silhouette") is not None:
        said.append(f"Separation by nominal variables was measured by silhouettes [{cited['silhouette']}].")
    if results.analysis("mixture") is not None:
        said.append(
            "Gaussian mixtures of each covariance form were compared by the Bayesian information criterion."
        )
    if results.analysis("mixture_test") is not None:
        said.append(
            "One component was tested against two by the likelihood ratio with a parametric bootstrap "
            f"[{cited['mclachlan']}]."
        )
    if results.analysis("umap") is not None:
        said.append(f"UMAP [{cited['umap']}] was used for display only.")
    if results.analysis("independence") is not None:
        said.append(
            "Dependence between s and z was tested by the Hilbert-Schmidt independence criterion "
            f"[{cited['hsic']}] with permutations."
        )
    return " ".join(said)


def _has_partial(results: Results) -> bool:
    rsa = results.analysis("rsa")
    return rsa is not None and "p_partial" in rsa and bool(rsa["p_partial"].notna().any())


def _software(results: Results) -> str:
    software = results.run.get("software", {})
    if not software:
        return ""
    named = ("torch", "monai", "torchio", "nilearn", "scikit-learn", "umap-learn", "numpy", "scipy", "pandas")
    versions = [
        f"{name} {software[name]}" for name in named if software.get(name, "not installed") != "not installed"
    ]
    own = software.get("adhd-cvae")
    start = f"Analyses were run with adhd-cvae {own}" if own else "Analyses were run"
    return f"{start} under Python {software.get('python', 'n/a')} ({', '.join(versions)})."


def checklist(results: Results) -> list[ReportTable]:
    """Tables of run facts, software, recipe and checksums."""
    run = results.run
    if not run:
        return []
    facts = [["recipe", public(results.setting("name", "n/a"))], ["seed", public(run.get("seed", "n/a"))]]
    facts += [[key.replace("_", " "), public(run[key])] for key in _TOLD if key in run]
    facts += [
        [f"stage {name}", public(stage.get("state", "n/a"))] for name, stage in run.get("stages", {}).items()
    ]
    tables = [
        ReportTable("The run", ("fact", "value"), {"": facts}),
        ReportTable(
            "Software",
            ("package", "version"),
            {"": [[k, public(v)] for k, v in run.get("software", {}).items()]},
        ),
        ReportTable("The resolved recipe", ("setting", "value"), {"": _recipe_rows(results)}),
        ReportTable(
            "Checksums (SHA-256) of what went in and came out", ("file", "checksum"), {"": _checksums(run)}
        ),
    ]
    return [table for table in tables if table.blocks[""]]


def _recipe_rows(results: Results) -> list[list[str]]:
    rows = []
    for key, value in flatten(results.recipe).items():
        if key == "analysis.variables":
            value = ", ".join(f"{item['name']} ({item['scale']})" for item in value)
        elif key == "analysis.claims":
            value = ", ".join(f"{item['space']}: {item['name'] or 'one cluster'}" for item in value)
        elif isinstance(value, dict):
            value = "; ".join(f"{name}: {', '.join(columns)}" for name, columns in value.items())
        elif isinstance(value, list):
            value = ", ".join(map(str, value))
        rows.append([key, public("none" if value is None else value)])
    return rows


def _checksums(run: dict[str, Any]) -> list[list[str]]:
    """Tables and weights by name; participants' images are only counted."""
    named: dict[str, str] = {}
    images = set()
    for stage in run.get("stages", {}).values():
        sealed = {name: seal[1] for name, seal in stage.get("outputs", {}).items() if len(seal) == 2}
        for name, checksum in {**stage.get("inputs", {}), **sealed}.items():
            if "sub-" in name or name.endswith((".nii", ".nii.gz")):
                images.add(name)
            elif not name.startswith(("figures/", "report")):
                named[public(name)] = str(checksum)
    rows = [[name, checksum] for name, checksum in sorted(named.items())]
    if images:
        rows.append([f"{len(images)} images and maps", "listed in run.json"])
    return rows
