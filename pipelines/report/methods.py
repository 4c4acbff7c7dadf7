"""The methods paragraph with its references, from run.json."""

from adhd_cvae.names import TARGET
from pipelines.output_dir.results import Results
from pipelines.report.formatting import listed
from pipelines.report.summary import is_simulated

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
    "mm_cvae": "Weinberger E, Beebe-Wang N, Lee SI. Moment matching deep contrastive latent variable models. "
    "AISTATS, 2022. arXiv:2202.10560",
    "sepvae": "Louiset R, Duchesnay E, Grigis A, Dufumier B, Gori P. SepVAE: a contrastive VAE to separate "
    "pathological patterns from healthy ones. MIDL, 2024. arXiv:2307.06206",
    "contrastive_vi": "Weinberger E, Lin C, Lee SI. Isolating salient variations of interest in single-cell data "
    "with contrastiveVI. Nature Methods 20:1336–1345, 2023. doi:10.1038/s41592-023-01955-3",
    "mmd": "Gretton A, Borgwardt KM, Rasch MJ, Schölkopf B, Smola A. A kernel two-sample test. Journal of Machine "
    "Learning Research 13:723–773, 2012.",
    "unbiased_hsic": "Song L, Smola A, Gretton A, Bedo J, Borgwardt K. Feature selection via dependence "
    "maximization. Journal of Machine Learning Research 13:1393–1434, 2012.",
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
_TERMS = (
    ("background_salient", "controls' s was pulled to 0", ("sepvae",)),
    ("background_spread", "the posterior variance of controls' s was penalised", ("contrastive_vi",)),
    (
        "mmd_background",
        "the maximum mean discrepancy of z between the groups was penalised",
        ("mm_cvae", "mmd"),
    ),
    ("mmd_salient", "the maximum mean discrepancy of controls' s from 0 was penalised", ("mm_cvae", "mmd")),
    ("classification", "a linear classifier told the groups by s", ("sepvae",)),
    ("hsic", "the unbiased, normalised HSIC of patients' s and z was penalised", ("unbiased_hsic",)),
)
"""Term of the objective, what the methods say of it where it has a weight, and whom they cite."""
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


def used_references(results: Results) -> list[tuple[str, str]]:
    """Key and text of each reference that this run's methods call for."""
    wanted = {"study", "aglinskas", "cvae", "vae"}
    wanted.add(_start(results)[1])
    for name, _, keys in _TERMS:
        if results.setting(f"objective.{name}"):
            wanted.update(keys)
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
    patients = len(results.members(group=TARGET))
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
        f"[{cited['study']}] encoded each map in {salient} salient units (s) and {background} background units "
        f"(z), shared by both groups; "
    )
    if results.setting("objective.salient_of") == "everyone":
        text += "both were decoded for everyone, as in a plain variational autoencoder."
    else:
        text += "s was decoded for patients only, controls with s = 0."
    start, reference = _start(results)
    if start:
        text += f" Its linear part started from {start}" + (f" [{cited[reference]}]." if reference else ".")
        if results.setting("cohort.site"):
            text += " Salient directions of that start are free of differences between sites."
        if not results.setting("training.train_salient"):
            text += " Salient means kept it; everything else was trained."
    if results.setting("objective.total_correlation"):
        critic = results.setting("objective.critic", "nonlinear")
        text += f" A {critic} critic with its own optimiser estimated the total correlation of s and z."
    text += _terms(results, cited)
    if results.setting("training.vae"):
        text += (
            f" A plain variational autoencoder [{cited['vae']}] with as many units and the same "
            f"reconstruction "
            "scale was the comparison."
        )
    return text


def _terms(results: Results, cited: dict[str, str]) -> str:
    """Further terms of the objective, with their weights in nats."""
    said = []
    for name, words, keys in _TERMS:
        if weight := results.setting(f"objective.{name}"):
            numbers = ", ".join(cited[key] for key in keys)
            said.append(f"{words} (weight {weight:g}) [{numbers}]")
    return f" In the objective, {'; '.join(said)}." if said else ""


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
