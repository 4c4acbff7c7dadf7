"""The methods paragraph with its references, from run.json."""

import re
from pathlib import Path

import yaml

from adhd_cvae.names import TARGET
from pipelines.output_dir.results import Results
from pipelines.report.formatting import listed
from pipelines.report.section import holds
from pipelines.report.summary import is_simulated

REFERENCES: dict[str, str] = yaml.safe_load(
    Path(__file__).with_name("references.yaml").read_text(encoding="utf-8")
)
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
