"""The methods paragraph with its references, from run.json."""

import re

from adhd_cvae.names import TARGET
from pipelines.output_dir.results import Results
from pipelines.report.formatting import listed
from pipelines.report.section import holds
from pipelines.report.summary import is_simulated

REFERENCES = {
    "study": "Lan, Sun. CVAE-based ADHD neuroimaging analysis. BrainHack School, 2025.",
    "aglinskas": "Aglinskas A, Hartshorne JK, Anzellotti S. Contrastive machine learning reveals the "
    "structure of neuroanatomical variation within autism. Science 376:1070–1074, 2022. doi:10.1126/science.abm2461",
    "cvae": "Abid A, Zou J. Contrastive variational autoencoder enhances salient features. "
    "arXiv:1902.04601, 2019.",
    "vae": "Kingma DP, Welling M. Auto-encoding variational Bayes. ICLR, 2014. arXiv:1312.6114",
    "cpca": "Abid A, Zhang MJ, Bagaria VK, Zou J. Exploring patterns enriched in a dataset with "
    "contrastive principal component analysis. Nature Communications 9:2134, 2018. doi:10.1038/s41467-018-04608-8",
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
    "branches of systems neuroscience. Frontiers in Systems Neuroscience 2:4, 2008. doi:10.3389/neuro.06.004.2008",
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
_ALWAYS = ("study", "aglinskas", "cvae", "vae", "adhd200")
"""References of every page; a simulated cohort has the release's variables and codes, so its makers are credited."""
_CITED = re.compile(r"@([a-z0-9_]+)")
"""A reference in the text below, before it becomes a number."""
_TERMS = {
    "salient_of_background": "controls' s was pulled to 0{weight} [@sepvae]",
    "salient_spread_of_background": "the posterior variance of controls' s was penalised{weight} [@contrastive_vi]",
    "background_mmd": "the maximum mean discrepancy of z between the groups was penalised{weight} [@mm_cvae, @mmd]",
    "salient_mmd_of_background": "the maximum mean discrepancy of controls' s from 0 was penalised{weight} "
    "[@mm_cvae, @mmd]",
    "classification": "a linear classifier told the groups by s{weight} [@sepvae]",
    "hsic": "the unbiased, normalised HSIC of patients' s and z was penalised{weight} [@unbiased_hsic]",
}
"""Term of the objective, and the words of it where it has a weight."""
_START = {
    "contrast": "the difference of group means outside the leading principal components and contrastive principal "
    "components [@cpca]",
    "contrastive_pca": "contrastive principal components [@cpca]",
    "pcpca": "probabilistic contrastive principal components [@pcpca]",
    "pca": "principal components",
    "ica": "independent components [@ica]",
}
"""What each start is called."""


def used_references(results: Results) -> list[tuple[str, str]]:
    """Key and text of each reference that this run's methods call for."""
    cited = {*_ALWAYS, *_CITED.findall(_text(results))}
    return [(key, text) for key, text in REFERENCES.items() if key in cited]


def paragraph(results: Results) -> str:
    """Methods, ready to paste; says only what the recipe and the tables show, cites by number."""
    places = {key: str(place) for place, (key, _) in enumerate(used_references(results), start=1)}
    return _CITED.sub(lambda found: places.get(found.group(1), found.group()), _text(results))


def _text(results: Results) -> str:
    parts = (_images, _balancing, _model, _training, _analyses, _software)
    return " ".join(text for part in parts if (text := part(results)))


def _images(results: Results) -> str:
    shape, size = results.setting("image.shape"), results.setting("image.voxel_size")
    if shape is None or results.cohort is None:
        return ""
    patients = len(results.members(group=TARGET))
    smoothing = results.setting("image.fwhm", 0)
    smoothed = f" and smoothed ({smoothing:g} mm full width at half maximum)" if smoothing else ""
    return (
        f"{'Simulated gray-matter' if is_simulated(results) else 'Gray-matter'} maps of {patients} patients and "
        f"{len(results.cohort) - patients} controls were resampled in world space to {' × '.join(map(str, shape))} "
        f"voxels of {size:g} mm{smoothed}. Phenotypes follow the code book of ADHD-200 [@adhd200]."
    )


def _balancing(results: Results) -> str:
    """How the groups were made comparable before anything was learnt; nothing where they were taken as they are."""
    steps = []
    if results.setting("cohort.drop_one_group_sites"):
        steps.append("sites with one group only were left out")
    if match := results.setting("cohort.match"):
        names = listed([results.label(name) for name in match])
        steps.append(
            f"each patient was paired with one control by {names} (codes equal, numbers within "
            f"{results.setting('cohort.caliper'):g} standard deviations) and the unpaired were left out"
        )
    if (ratio := results.setting("cohort.max_ratio")) is not None:
        steps.append(f"the larger group of each site was cut at random to {ratio:g} times the smaller one")
    return f"Beforehand, {'; '.join(steps)}." if steps else ""


def _model(results: Results) -> str:
    salient, background = results.setting("model.salient"), results.setting("model.background")
    if salient is None:
        return ""
    everyone = results.setting("objective.salient_of") == "everyone"
    sentences = [
        "A contrastive variational autoencoder [@cvae] as applied to anatomy in [@aglinskas] and [@study] encoded "
        f"each map in {salient} salient units (s) and {background} background units (z), shared by both groups; "
        + (
            "both were decoded for everyone, as in a plain variational autoencoder."
            if everyone
            else "s was decoded for patients only, controls with s = 0."
        )
    ]
    if start := _START.get(results.setting("model.start")):
        sentences.append(f"Its linear part started from {start}.")
        if results.setting("cohort.site"):
            sentences.append("Salient directions of that start are free of differences between sites.")
        if not results.setting("training.train_salient"):
            sentences.append("Salient means kept it; everything else was trained.")
    if results.setting("objective.total_correlation"):
        critic = results.setting("objective.critic", "nonlinear")
        sentences.append(
            f"A {critic} critic with its own optimiser estimated the total correlation of s and z."
        )
    weights = {name: results.setting(f"objective.{name}") for name in _TERMS}
    terms = [
        words.format(weight=f" (weight {weights[name]:g})") for name, words in _TERMS.items() if weights[name]
    ]
    if terms:
        sentences.append(f"In the objective, {'; '.join(terms)}.")
    if results.setting("training.vae"):
        sentences.append(
            "A plain variational autoencoder [@vae] with as many units and the same reconstruction scale "
            "was the comparison."
        )
    return " ".join(sentences)


def _training(results: Results) -> str:
    share = results.setting("cohort.test_fraction")
    if share is None or results.history is None:
        return ""
    training = results.setting("training")
    return (
        f"{100 * share:.0f} % of participants, in proportion of site and group, were held out; training ran for at "
        f"most {training['epochs']} epochs (learning rate {training['learning_rate']:g}, {training['batch_size']} "
        f"participants of each group a batch) and stopped after {training['patience']} epochs without a better loss "
        f"on a part of the training split kept for validation (seed {results.setting('seed', 0)})."
    )


def _analyses(results: Results) -> str:
    sentences = {
        "rsa": _similarity(results),
        "silhouette": "Separation by nominal variables was measured by silhouettes [@silhouette].",
        "mixture": "Gaussian mixtures of each covariance form were compared by the Bayesian information criterion.",
        "mixture_test": "One component was tested against two by the likelihood ratio with a parametric bootstrap "
        "[@mclachlan].",
        "umap": "UMAP [@umap] was used for display only.",
        "independence": "Dependence between s and z was tested by the Hilbert-Schmidt independence criterion "
        "[@hsic] with permutations.",
    }
    return " ".join(sentence for name, sentence in sentences.items() if results.analysis(name) is not None)


def _similarity(results: Results) -> str:
    within = results.setting("analysis.permute_within")
    sentence = (
        f"Representational similarity [@rsa] was Kendall's τ between the Euclidean dissimilarities of "
        "posterior means and those of each variable (absolute difference, or equal against unequal) over patients; "
        f"two-sided p-values came from {results.setting('analysis.permutations', 'n/a')} permutations of "
        f"participants{f' within {within}' if within else ''}, corrected over the table for the false discovery rate "
        f"[@fdr], and intervals from {results.setting('analysis.bootstraps', 'n/a')} bootstrap samples "
        "of participants."
    )
    rsa = results.analysis("rsa")
    if rsa is None or not holds(rsa, "p_partial"):
        return sentence
    return (
        f"{sentence} For the partial τ, ranks of the dissimilarities of pairs of the same site were freed of a "
        "polynomial of degree 4 in the ranked differences of age (a partial Mantel test [@legendre]), and participants "
        "were permuted among neighbours in age within sites."
    )


def _software(results: Results) -> str:
    software = results.run.get("software", {})
    if not software:
        return ""
    named = ("torch", "monai", "torchio", "nilearn", "scikit-learn", "umap-learn", "numpy", "scipy", "pandas")
    known = [name for name in named if software.get(name, "not installed") != "not installed"]
    own = f" with adhd-cvae {software['adhd-cvae']}" if "adhd-cvae" in software else ""
    versions = ", ".join(f"{name} {software[name]}" for name in known)
    return f"Analyses were run{own} under Python {software.get('python', 'n/a')} ({versions})."
