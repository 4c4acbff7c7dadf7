"""Works that a methods paragraph cites."""

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
